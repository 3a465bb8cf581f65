"""Files in and out: guarded reading of every format, and writing that is whole or not at all."""
