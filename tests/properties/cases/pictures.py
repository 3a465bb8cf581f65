"""Pictures are no analyses."""

NOT_ANALYSES = {"hotspots.plot": "draws a result"}
