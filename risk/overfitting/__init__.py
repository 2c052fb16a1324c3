"""Whether a result is luck: what selection, chance and a short sample can do to returns. Arrays in, facts out."""
