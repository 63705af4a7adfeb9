"""What one page alone shows."""
