package server

import "belay/secret"

// DataDirError says what is wrong with a data directory.
func DataDirError(dir string, err error) error { return dataDirError(dir, err) }

// KeyError explains what is wrong with a key-encryption key.
func KeyError(source secret.Source, err error) error { return keyError(source, err) }
