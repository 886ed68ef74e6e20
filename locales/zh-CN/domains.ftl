# Directory domains
