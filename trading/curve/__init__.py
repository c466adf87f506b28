"""Pictures of numbers over time, as geometry for inline SVG. No drawing library."""
