"""One explanation on a page, whole."""
