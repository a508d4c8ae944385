"""Configuration: settings, the persona file, and the strict YAML that both are written in."""
