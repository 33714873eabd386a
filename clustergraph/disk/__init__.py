"""Files that outlast a power cut, and folders that appear whole."""
