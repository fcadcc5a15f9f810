list_filter(map, lambda entry: entry['key'] = k)[1]['value']
