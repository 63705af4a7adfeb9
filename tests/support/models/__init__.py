"""Small networks of every kind that methods meet, and what they are compared with."""
