package belay

import "encoding/pem"

// CertificatesIn are the certificates of a PEM text (RFC 7468), in DER, in
// the order of the text. What else it holds is left out; whether they can be
// read is not looked at.
func CertificatesIn(text []byte) [][]byte {
	var out [][]byte
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return out
		}
		if block.Type == "CERTIFICATE" {
			out = append(out, block.Bytes)
		}
	}
}
