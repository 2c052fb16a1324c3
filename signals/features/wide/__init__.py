"""wide95: ninety-five columns in six groups, no two of which say the same."""
