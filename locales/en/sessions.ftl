# Sessions, second factors, settings
