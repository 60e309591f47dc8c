package web

import (
	"context"

	"parley.example/parley/internal/node"
	"parley.example/parley/operation"
)

// attached is the gate's answer and the operation after it.
type attached struct {
	Release   node.Release   `json:"release"`
	Operation node.Operation `json:"operation"`
}

// operatingRoutes are joint operations; oversight sees all of them.
func (s *Server) operatingRoutes() {
	n := s.node
	see := append([]string{node.Auditor}, readers...)
	handle(s, "GET", "/operations", "list-operations", see, func(ctx context.Context, _ *none) (out struct {
		Operations []node.Operation `json:"operations"`
	}, err error) {
		out.Operations, err = n.Operations(ctx)
		return out, err
	})
	handle(s, "GET", "/operations/{id}", "show-operation", see, func(ctx context.Context, in *byID) (node.Operation, error) {
		return n.ShowOperation(ctx, in.ID)
	})
	handle(s, "POST", "/operations", "propose-operation", officers, func(ctx context.Context, in *input[node.ProposeAsk]) (node.Operation, error) {
		in.Body.By = who(ctx)
		return n.ProposeOperation(ctx, in.Body)
	})
	handle(s, "POST", "/operations/{id}/acts", "act-in-operation", officers, func(ctx context.Context, in *byIDWith[struct {
		Kind   string            `json:"kind" doc:"set, agree, activate, close, abandon, leave, sign or remark"`
		Item   string            `json:"item,omitempty" doc:"terms, task/ID, liaison/ID, layer/ID or decision/ID"`
		Fields map[string]string `json:"fields,omitempty"`
		Digest string            `json:"digest,omitempty" doc:"of the terms or decision as read; refused where they have changed"`
		Text   string            `json:"text,omitempty"`
	}]) (node.Operation, error) {
		b := in.Body
		return n.ActInOperation(ctx, node.OperationAsk{By: who(ctx), Act: operation.Act{Operation: in.ID, Kind: b.Kind, Item: b.Item, Fields: b.Fields, Digest: b.Digest, Text: b.Text}})
	})
	handle(s, "POST", "/operations/{id}/attachments", "attach-to-operation", officers, func(ctx context.Context, in *byIDWith[struct {
		Object     string `json:"object"`
		Purpose    string `json:"purpose" doc:"one of the accord's"`
		LegalBasis string `json:"legal_basis,omitempty"`
		Title      string `json:"title,omitempty"`
	}]) (out attached, err error) {
		b := in.Body
		out.Release, out.Operation, err = n.AttachToOperation(ctx, node.AttachAsk{
			Operation: in.ID, Object: b.Object, Purpose: b.Purpose, LegalBasis: b.LegalBasis, Title: b.Title, By: who(ctx),
		})
		return out, err
	})
}
