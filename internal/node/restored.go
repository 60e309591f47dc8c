package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// signedSize is the size of the last tree of a log that was signed, 0 for none.
// Whoever compares a database with it reads it first: the database has at least
// what was signed, unless it is older.
func (g *guard) signedSize(log string) (int64, error) {
	b, err := os.ReadFile(g.file(log))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the signing state: %w", err)
	}
	var last signedTree
	if err := json.Unmarshal(b, &last); err != nil || last.Log != log {
		return 0, fmt.Errorf("signing state %s is damaged; refusing to sign", g.file(log))
	}
	return last.Size, nil
}
