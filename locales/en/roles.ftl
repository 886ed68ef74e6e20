# Roles and permissions
