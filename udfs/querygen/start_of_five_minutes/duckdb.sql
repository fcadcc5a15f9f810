make_timestamptz(epoch_us(moment) - (epoch_us(moment) % 300000000 + 300000000) % 300000000)
