"""What pages share, in rooms."""
