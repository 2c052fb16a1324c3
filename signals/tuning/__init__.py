"""From a recipe to a better one: trials of its parameters, judged on the validation range alone."""
