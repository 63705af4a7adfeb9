"""A picture and its map to look at closely: zoom, pan, a wipe between the two, and the value under the cursor."""
