make_timestamptz(epoch_us(moment) - ((epoch_us(moment) - 345600000000) % 604800000000 + 604800000000) % 604800000000)
