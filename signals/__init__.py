"""Signal plugins: a window of bars in, one forecast per instrument out."""
