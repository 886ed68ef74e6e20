# Directories: what goes wrong with them
