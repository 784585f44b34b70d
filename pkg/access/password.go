package access

import (
	"github.com/alexedwards/argon2id"
)

// argon is what OWASP's Password Storage Cheat Sheet recommends for argon2id (RFC 9106) where memory is dear: 19 MiB, two passes.
var argon = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// MinPassword is how many characters a password has at least.
const MinPassword = 8

// maxPassword bounds what is hashed, bytes.
const maxPassword = 1 << 10

// Hash returns password as argon2id in the PHC string format.
func Hash(password string) (string, error) { return argon2id.CreateHash(password, argon) }

// CheckHash reports whether text is a hash that Hash could have made, with whatever parameters are bearable.
func CheckHash(text string) bool {
	p, salt, key, err := argon2id.DecodeHash(text)
	return err == nil && p.Memory >= 8 && p.Memory <= 1<<20 && p.Iterations >= 1 && p.Iterations <= 64 && p.Parallelism >= 1 && len(salt) >= 8 && len(key) >= 16
}

// nobody is compared with where there is no such user, so that one cannot tell by the time that it takes.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func matches(password, hash string) bool {
	if len(password) > maxPassword {
		return false
	}
	if hash == "" {
		hash = nobody
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	return ok && err == nil && hash != nobody
}
