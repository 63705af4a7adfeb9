"""What every page needs of the app: navigation, errors, progress, caches, images, session."""
