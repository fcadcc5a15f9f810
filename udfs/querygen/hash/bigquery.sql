TO_HEX(MD5(salted))
