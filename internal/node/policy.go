package node

import "parley.example/parley/release"

// policy is the party's own policy as it stands now.
func (n *Node) policy() release.Policy { return n.opt.Policy }
