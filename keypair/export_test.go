package keypair

import "context"

// Look looks at the files as it is done from time to time.
func (k *Keeper) Look(ctx context.Context) { k.look(ctx, false) }

// Parse makes of the texts of files the certificate that would be in force.
func Parse(certificate, key, clientCA []byte) ([]byte, error) {
	m, err := Files{Certificate: "tls.crt", Key: "tls.key", ClientCA: "ca.crt"}.parse(content{certificate: certificate, key: key, clientCA: clientCA})
	if err != nil {
		return nil, err
	}
	return m.certificate(), nil
}
