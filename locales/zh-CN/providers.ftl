# OpenID providers, Kerberos
