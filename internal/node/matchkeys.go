package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// matchKey is our secret key for one epoch with one asker.
type matchKey struct {
	Epoch  uint64 `json:"epoch"`
	Secret []byte `json:"secret"`
}

// matchJob names what is published to one asker about one kind.
func matchJob(accordID, party, kind string) string { return accordID + "/" + party + "/" + kind }

// Epoch keys are kept in files of their own, outside the database and its
// backups: where a key was destroyed, no page and no copy still holds it. A
// file has the key in use and, while a new epoch is being prepared, the next.

// matchFolder holds the keys of epochs.
const matchFolder = "match"

func (n *Node) matchKeyFile(job string) string {
	sum := sha256.Sum256([]byte(job))
	return filepath.Join(n.dir, matchFolder, hex.EncodeToString(sum[:16])+".json")
}

type matchKeyRing struct {
	Job  string     `json:"job"`
	Keys []matchKey `json:"keys"` // by epoch, ascending
}

func (n *Node) matchKeys(job string) ([]matchKey, error) {
	b, err := n.files.read(n.matchKeyFile(job))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading matching keys: %w", err)
	}
	var r matchKeyRing
	if err := json.Unmarshal(b, &r); err != nil || r.Job != job {
		return nil, fmt.Errorf("matching keys %s are damaged; delete the file and publish anew", n.matchKeyFile(job))
	}
	return r.Keys, nil
}

// matchKey returns the key of an epoch, without a secret where there is none.
func (n *Node) matchKey(job string, epoch uint64) (matchKey, error) {
	keys, err := n.matchKeys(job)
	if err != nil {
		return matchKey{}, err
	}
	for _, k := range keys {
		if k.Epoch == epoch {
			return k, nil
		}
	}
	return matchKey{Epoch: epoch}, nil
}

// setMatchKeys writes a job's keys durably and overwrites the file that held
// those before. (What a file system or disk keeps beneath is out of our hands.)
func (n *Node) setMatchKeys(job string, keys []matchKey) error {
	b, err := json.Marshal(matchKeyRing{job, keys})
	if err != nil {
		return err
	}
	return n.files.replace(n.matchKeyFile(job), append(b, '\n'))
}
