package psi

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// vectors are those of RFC 9497, appendix A.1.3: ristretto255-SHA512, POPRF.
const (
	vectorKey    = "145c79c108538421ac164ecbe131942136d5570b16d8bf41a24d4337da981e07"
	vectorPublic = "c647bef38497bc6ec077c22af65b696efa43bff3b4a1975a3e8e0a1c5a79d631"
	vectorInfo   = "7465737420696e666f"
)

var vectors = []struct {
	input, blind, blinded, evaluated, proof, r, output string // lists are comma separated
}{
	{
		input:     "00",
		blind:     "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
		blinded:   "c8713aa89241d6989ac142f22dba30596db635c772cbf25021fdd8f3d461f715",
		evaluated: "1a4b860d808ff19624731e67b5eff20ceb2df3c3c03b906f5693e2078450d874",
		proof:     "41ad1a291aa02c80b0915fbfbb0c0afa15a57e2970067a602ddb9e8fd6b7100de32e1ecff943a36f0b10e3dae6bd266cdeb8adf825d86ef27dbc6c0e30c52206",
		r:         "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
		output:    "ca688351e88afb1d841fde4401c79efebb2eb75e7998fa9737bd5a82a152406d38bd29f680504e54fd4587eddcf2f37a2617ac2fbd2993f7bdf45442ace7d221",
	},
	{
		input:     "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
		blind:     "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706",
		blinded:   "f0f0b209dd4d5f1844dac679acc7761b91a2e704879656cb7c201e82a99ab07d",
		evaluated: "8c3c9d064c334c6991e99f286ea2301d1bde170b54003fb9c44c6d7bd6fc1540",
		proof:     "4c39992d55ffba38232cdac88fe583af8a85441fefd7d1d4a8d0394cd1de77018bf135c174f20281b3341ab1f453fe72b0293a7398703384bed822bfdeec8908",
		r:         "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
		output:    "7c6557b276a137922a0bcfc2aa2b35dd78322bd500235eb6d6b6f91bc5b56a52de2d65612d503236b321f5d0bebcbc52b64b92e426f29c9b8b69f52de98ae507",
	},
	{
		input:     "00,5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
		blind:     "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706,222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
		blinded:   "c8713aa89241d6989ac142f22dba30596db635c772cbf25021fdd8f3d461f715,423a01c072e06eb1cce96d23acce06e1ea64a609d7ec9e9023f3049f2d64e50c",
		evaluated: "1a4b860d808ff19624731e67b5eff20ceb2df3c3c03b906f5693e2078450d874,aa1f16e903841036e38075da8a46655c94fc92341887eb5819f46312adfc0504",
		proof:     "43fdb53be399cbd3561186ae480320caa2b9f36cca0e5b160c4a677b8bbf4301b28f12c36aa8e11e5a7ef551da0781e863a6dc8c0b2bf5a149c9e00621f02006",
		r:         "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
		output:    "ca688351e88afb1d841fde4401c79efebb2eb75e7998fa9737bd5a82a152406d38bd29f680504e54fd4587eddcf2f37a2617ac2fbd2993f7bdf45442ace7d221,7c6557b276a137922a0bcfc2aa2b35dd78322bd500235eb6d6b6f91bc5b56a52de2d65612d503236b321f5d0bebcbc52b64b92e426f29c9b8b69f52de98ae507",
	},
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// holderUnder is NewHolder for a public info that is not an Info's.
func holderUnder(t *testing.T, key *SecretKey, info []byte) *Holder {
	t.Helper()
	h := &Holder{key: key, info: info, context: contextOf(info, &key.public)}
	m := tweak(info)
	h.t.add(&key.k, &m)
	h.inverse.invert(&h.t)
	var e element
	e.mulGenerator(&h.t)
	h.tweaked = e.encode()
	return h
}

func TestVectors(t *testing.T) {
	key, err := ParseSecretKey(unhex(t, vectorKey))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(key.Public().Bytes()); got != vectorPublic {
		t.Errorf("public key %s, want %s", got, vectorPublic)
	}
	h := holderUnder(t, key, unhex(t, vectorInfo))
	for n, v := range vectors {
		t.Run(fmt.Sprint(n+1), func(t *testing.T) {
			var (
				inputs  [][]byte
				outputs []Output
				q, a    batch
			)
			for _, s := range strings.Split(v.input, ",") {
				inputs = append(inputs, unhex(t, s))
			}
			for _, s := range strings.Split(v.output, ",") {
				outputs = append(outputs, Output(unhex(t, s)))
			}
			// Blind.
			for i, s := range strings.Split(v.blind, ",") {
				var blind number
				var e element
				if err := blind.decode(unhex(t, s)); err != nil {
					t.Fatal(err)
				}
				if _, err := e.hashToElement(nil, inputs[i]); err != nil {
					t.Fatal(err)
				}
				e.mul(&e, &blind)
				c := e.encode()
				q.encoded = append(q.encoded, c[:]...)
				q.elements = append(q.elements, e)
			}
			if got, want := hex.EncodeToString(q.encoded), strings.ReplaceAll(v.blinded, ",", ""); got != want {
				t.Errorf("blinded %s, want %s", got, want)
			}
			// BlindEvaluate.
			var r number
			if err := r.decode(unhex(t, v.r)); err != nil {
				t.Fatal(err)
			}
			a = *h.answer(&q, &r)
			if got, want := hex.EncodeToString(a.encoded), strings.ReplaceAll(v.evaluated, ",", ""); got != want {
				t.Errorf("evaluated %s, want %s", got, want)
			}
			if got := hex.EncodeToString(a.proof); got != v.proof {
				t.Errorf("proof %s, want %s", got, v.proof)
			}
			// Finalize.
			tweaked, err := tweakedKey(key.Public(), h.info)
			if err != nil {
				t.Fatal(err)
			}
			if err := verify(&tweaked, &a, &q, a.proof); err != nil {
				t.Error(err)
			}
			for i, s := range strings.Split(v.blind, ",") {
				var blind number
				var e element
				if err := blind.decode(unhex(t, s)); err != nil {
					t.Fatal(err)
				}
				blind.invert(&blind)
				e.mul(&a.elements[i], &blind)
				c := e.encode()
				if got, _ := finalHash(nil, inputs[i], h.info, c[:]); got != outputs[i] {
					t.Errorf("output %x, want %x", got, outputs[i])
				}
			}
			// Evaluate.
			got, err := h.Evaluate(t.Context(), inputs, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !bytes.Equal(got[i][:], outputs[i][:]) {
					t.Errorf("evaluate %x, want %x", got[i], outputs[i])
				}
			}
		})
	}
}
