package belay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"belay"
)

// texts are values by field.
func texts(pairs ...string) map[string]belay.Secret {
	m := map[string]belay.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = belay.SecretString(pairs[i+1])
	}
	return m
}

func certificate(t *testing.T, notAfter time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: notAfter.Add(-time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func jwt(claims string) string {
	segment := base64.RawURLEncoding.EncodeToString
	return segment([]byte(`{"alg":"none"}`)) + "." + segment([]byte(claims)) + "." + segment([]byte("signature"))
}

func TestValidity(t *testing.T) {
	early, late := time.Unix(1_900_000_000, 0).UTC(), time.Unix(2_000_000_000, 0).UTC()
	earlyCert, lateCert := certificate(t, early), certificate(t, late)
	lateJWT := jwt(`{"exp":2000000000}`)
	tests := map[string]struct {
		kind   string
		values map[string]belay.Secret
		want   time.Time
	}{
		"token":                         {"bearer", texts("token", lateJWT), late},
		"token with a newline":          {"bearer", texts("token", lateJWT+"\n"), late},
		"token of fractional seconds":   {"bearer", texts("token", jwt(`{"exp":1900000000.75}`)), early},
		"token in a header":             {"header", texts("name", "X", "value", "Bearer "+lateJWT), late},
		"token as a password":           {"basic", texts("username", "u", "password", lateJWT), late},
		"certificate":                   {"mtls", texts("certificate", lateCert, "key", "k"), late},
		"chain: its earliest":           {"mtls", texts("certificate", lateCert+earlyCert), early},
		"after other blocks and text":   {"mtls", texts("certificate", "text\n-----BEGIN X-----\nAAAA\n-----END X-----\n"+lateCert), late},
		"token and certificate":         {"kubernetes", texts("token", lateJWT, "clientCertificate", earlyCert), early},
		"any field of an open type":     {"opaque", texts("a", "x", "b", lateCert, "c", jwt(`{"exp":1900000000}`)), early},
		"a field that is not looked at": {"mtls", texts("certificate", lateCert, "key", earlyCert), late},
		"no expiry in the token":        {"bearer", texts("token", jwt(`{"sub":"x"}`)), time.Time{}},
		"null expiry":                   {"bearer", texts("token", jwt(`{"exp":null}`)), time.Time{}},
		"expiry that is text":           {"bearer", texts("token", jwt(`{"exp":"2000000000"}`)), time.Time{}},
		"expiry of zero":                {"bearer", texts("token", jwt(`{"exp":0}`)), time.Time{}},
		"expiry before all time":        {"bearer", texts("token", jwt(`{"exp":-1e300}`)), time.Time{}},
		"expiry after all time":         {"bearer", texts("token", jwt(`{"exp":1e300}`)), time.Time{}},
		"not a token":                   {"bearer", texts("token", "a.b.c"), time.Time{}},
		"three words":                   {"bearer", texts("token", "a b "+lateJWT), time.Time{}},
		"two segments":                  {"bearer", texts("token", strings.Join(strings.Split(lateJWT, ".")[:2], ".")), time.Time{}},
		"broken certificate":            {"mtls", texts("certificate", strings.Replace(lateCert, "M", "A", 3)), time.Time{}},
		"nothing":                       {"opaque", nil, time.Time{}},
		"empty":                         {"bearer", texts("token", ""), time.Time{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := belay.ValidityOf(tt.kind, tt.values).Until; !got.Equal(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestValidityOfMaterial(t *testing.T) {
	m := &belay.Material{Type: belay.CredentialBearer, Values: texts("token", jwt(`{"exp":2000000000}`))}
	if got := m.Validity().Until; got.Unix() != 2_000_000_000 {
		t.Errorf("it ends at %v", got)
	}
	if got := (*belay.Material)(nil).Validity().Until; !got.IsZero() {
		t.Errorf("no credential ends at %v", got)
	}
}

// What is issued for a short time is warned of late, and all else two weeks
// before its end.
func TestEndsSoon(t *testing.T) {
	now := time.Unix(2_000_000_000, 0).UTC()
	token := func(claims string) belay.Validity {
		return belay.ValidityOf(belay.CredentialBearer, texts("token", jwt(claims)))
	}
	const hour, day = 3600, 24 * 3600
	for name, tt := range map[string]struct {
		validity belay.Validity
		want     bool
	}{
		"forever":                  {token(`{}`), false},
		"15 days left":             {token(fmt.Sprintf(`{"exp":%d}`, now.Unix()+15*day)), false},
		"13 days left":             {token(fmt.Sprintf(`{"exp":%d}`, now.Unix()+13*day)), true},
		"ended":                    {token(fmt.Sprintf(`{"exp":%d}`, now.Unix()-1)), false},
		"an hour, just issued":     {token(fmt.Sprintf(`{"iat":%d,"exp":%d}`, now.Unix(), now.Unix()+hour)), false},
		"an hour, nearly over":     {token(fmt.Sprintf(`{"iat":%d,"exp":%d}`, now.Unix()-hour+800, now.Unix()+800)), true},
		"valid only later":         {token(fmt.Sprintf(`{"iat":1,"nbf":%d,"exp":%d}`, now.Unix(), now.Unix()+day)), false},
		"of a time that is none":   {token(fmt.Sprintf(`{"iat":"x","exp":%d}`, now.Unix()+day)), true},
		"a year, 13 days left":     {token(fmt.Sprintf(`{"iat":%d,"exp":%d}`, now.Unix()-300*day, now.Unix()+13*day)), true},
		"a certificate of an hour": {belay.ValidityOf(belay.CredentialMTLS, texts("certificate", certificate(t, now.Add(50*time.Minute)))), false},
		"the same at its end":      {belay.ValidityOf(belay.CredentialMTLS, texts("certificate", certificate(t, now.Add(10*time.Minute)))), true},
	} {
		if got := tt.validity.EndsSoon(now); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func FuzzValidity(f *testing.F) {
	f.Add([]byte(jwt(`{"exp":2000000000}`)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := belay.ValidityOf(belay.CredentialOpaque, map[string]belay.Secret{"x": belay.NewSecret(b)})
		for _, at := range []time.Time{got.From, got.Until} {
			if _, err := at.MarshalText(); err != nil {
				t.Errorf("%v cannot be written: %v", at, err)
			}
		}
	})
}
