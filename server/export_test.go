package server

// DataDirError says what is wrong with a data directory.
func DataDirError(dir string, err error) error { return dataDirError(dir, err) }
