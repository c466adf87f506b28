"""The main job as a self-check: a platform of its own, signed signals, each followed to its end."""
