make_timestamptz(epoch_us(CAST(day AS TIMESTAMP)))
