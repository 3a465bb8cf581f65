"""Time and memory of the main jobs, each beside a peer on the same work in the same run."""
