"""The people without a browser: the same files, mouth, light and camera as on the stage, drawn into a film (`python -m engines video`)."""
