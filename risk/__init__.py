"""What bounds a target or stops a run: sizers and caps (shaping), switches."""
