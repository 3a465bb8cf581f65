"""What analyses share: reference systems, grids, borders, neighbours, cost and zones."""
