package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"image/png"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/argon2"

	"parley.example/parley/internal/node"
)

// Argon2id as RFC 9106 §4 recommends for little memory (second choice). One at
// a time: 64 MiB each must not add up when many sign in, or one tries.
const (
	argonTime, argonMemory, argonThreads = 3, 64 << 10, 4
	argonSalt, argonKey                  = 16, 32
	minPassword, maxPassword             = 12, 200
	// totpStep is the 30 seconds that a code counts (RFC 6238 §5.2).
	totpStep = 30
)

var argonTurn sync.Mutex

func hashPassword(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(argonOf(password, salt)))
}

func argonOf(password string, salt []byte) []byte {
	argonTurn.Lock()
	defer argonTurn.Unlock()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
}

// nobody is compared with where there is no such person, so that the time that
// an answer takes does not say who there is.
var nobody = sync.OnceValue(func() string { return hashPassword("nobody") })

func passwordFits(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	return err1 == nil && err2 == nil && subtle.ConstantTimeCompare(argonOf(password, salt), want) == 1
}

// codeStep returns the step of a right code, which must be later than last: one
// step before and after now are taken, for clocks that differ.
func codeStep(secret, code string, last int64, now time.Time) (int64, bool) {
	step := now.Unix() / totpStep
	for _, at := range []int64{step, step - 1, step + 1} {
		want, err := totp.GenerateCodeCustom(secret, time.Unix(at*totpStep, 0), totp.ValidateOpts{Period: totpStep, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && at > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return at, true
		}
	}
	return 0, false
}

var errPassword = huma.Error401Unauthorized("Name, password or code is wrong, or the code was used already. Wait for the next code and try again; after five failures there is a pause.")

// checkPassword finds the person of that name, password and code. After five
// failures each further one doubles a pause, up to an hour.
func (s *Server) checkPassword(ctx context.Context, name, password, code string) (node.Person, error) {
	known, err := s.node.Person(ctx, name)
	hash := known.Password
	if err != nil || hash == "" {
		hash = nobody()
	}
	now := s.now()
	fits := passwordFits(hash, password) && err == nil && known.Password != ""
	if err != nil {
		return known, errPassword
	}
	wrong := false
	p, err := s.node.ChangePerson(ctx, name, func(p *node.Person) error {
		if now.UnixMicro() < p.Wait {
			return errPassword
		}
		step, right := codeStep(p.TOTP, strings.ReplaceAll(code, " ", ""), p.TOTPStep, now)
		if wrong = !fits || !right || p.Password != hash; wrong {
			if p.Failed++; p.Failed >= 5 {
				p.Wait = now.Add(min(time.Hour, time.Second<<min(p.Failed-2, 12))).UnixMicro()
			}
			return nil
		}
		p.Failed, p.Wait, p.TOTPStep = 0, 0, step
		return nil
	})
	if err == nil && wrong {
		err = errPassword
	}
	return p, err
}

// enrolment is a code generator that is being set up.
type enrolment struct {
	Secret string `json:"secret" doc:"base 32, to type where there is no camera"`
	URI    string `json:"uri"`
	QR     string `json:"qr" doc:"the address as a PNG picture, data:"`
}

func (s *Server) passwordRoutes() {
	open(s, "POST", "/session/password", "sign-in-by-password", func(ctx context.Context, in *input[struct {
		Name     string `json:"name" maxLength:"200"`
		Password string `json:"password" maxLength:"400"`
		Code     string `json:"code" maxLength:"20"`
	}]) (*output[sessionView], error) {
		p, err := s.checkPassword(ctx, in.Body.Name, in.Body.Password, in.Body.Code)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return s.enter(ctx, p.User, "password")
	})
	handle(s, "POST", "/me/password/begin", "begin-setting-password", anyone, func(ctx context.Context, _ *none) (enrolment, error) {
		me := who(ctx).Name
		key, err := totp.Generate(totp.GenerateOpts{Issuer: "Parley " + s.node.Config().Name, AccountName: me})
		if err != nil {
			return enrolment{}, err
		}
		img, err := key.Image(240, 240)
		if err != nil {
			return enrolment{}, err
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return enrolment{}, err
		}
		s.enrolments.put(me, key.Secret())
		return enrolment{key.Secret(), key.URL(), "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())}, nil
	})
	handle(s, "POST", "/me/password", "set-password", anyone, func(ctx context.Context, in *input[struct {
		Password string `json:"password" maxLength:"400"`
		Code     string `json:"code" maxLength:"20" doc:"what the code generator shows now"`
	}]) (meView, error) {
		me := who(ctx).Name
		if n := utf8.RuneCountInString(in.Body.Password); n < minPassword || n > maxPassword {
			return meView{}, huma.Error422UnprocessableEntity(fmt.Sprintf("A password has %d to %d characters; a few words in a row are easy to remember.", minPassword, maxPassword))
		}
		secret, ok := s.enrolments.take(me)
		if !ok {
			return meView{}, huma.Error409Conflict("Setting up took too long. Begin again, with the new code.")
		}
		step, right := codeStep(secret, strings.ReplaceAll(in.Body.Code, " ", ""), 0, s.now())
		if !right {
			s.enrolments.put(me, secret)
			return meView{}, huma.Error422UnprocessableEntity("The code does not fit. Look at the newest one; the clocks of both machines must agree to half a minute.")
		}
		hash := hashPassword(in.Body.Password)
		p, err := s.node.ChangePerson(ctx, me, func(p *node.Person) error {
			p.Password, p.TOTP, p.TOTPStep, p.Failed, p.Wait = hash, secret, step, 0, 0
			return nil
		})
		return s.me(p), err
	})
	handle(s, "DELETE", "/me/password", "remove-password", anyone, func(ctx context.Context, _ *none) (meView, error) {
		p, err := s.node.ChangePerson(ctx, who(ctx).Name, func(p *node.Person) error {
			p.Password, p.TOTP, p.TOTPStep = "", "", 0
			return nil
		})
		return s.me(p), err
	})
}
