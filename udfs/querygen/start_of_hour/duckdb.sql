make_timestamptz(epoch_us(moment) - (epoch_us(moment) % 3600000000 + 3600000000) % 3600000000)
