md5(salted)
