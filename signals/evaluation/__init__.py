"""How trained models did on dates none of them had seen: measures with intervals, beside baselines and each other."""
