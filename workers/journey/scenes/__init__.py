"""The scenes of the journey in their order; each module is one part of it."""
