make_timestamptz(epoch_us(moment) - (epoch_us(moment) % 86400000000 + 86400000000) % 86400000000)
