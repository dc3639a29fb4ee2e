// The cluster judge: a real kube-apiserver with a real etcd in one process, on loopback only. It reads requests as JSON, one a
// line, and answers with what the API server said. Everything is in one folder of its own, which is gone when the input ends,
// when the process that started it ends, and on SIGINT and SIGTERM.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Request asks for one thing; exactly one field is present.
type Request struct {
	Definitions *DefinitionsRequest `json:"definitions"`
	Send        *SendRequest        `json:"send"`
	Kubeconfig  *KubeconfigRequest  `json:"kubeconfig"`
}

// Answer holds what the API server said; Error where it refused.
type Answer struct {
	// How many kinds are served.
	Kinds int `json:"kinds,omitempty"`
	// Path of a kubeconfig.
	Path string `json:"path,omitempty"`
	// The API server's own warnings, a line each.
	Warnings []string `json:"warnings,omitempty"`
	Error    string   `json:"error,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves requests until the input or the context ends; the folder is gone afterwards.
func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "metachron-cluster-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	cluster, err := startCluster(ctx, folder)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, endOfLog(folder))
	}
	defer cluster.stop()
	served := make(chan error, 1)
	go func() { served <- serve(ctx, cluster, os.Stdin, os.Stdout) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return nil
	}
}

func serve(ctx context.Context, cluster *cluster, input io.Reader, output io.Writer) error {
	decoder := json.NewDecoder(bufio.NewReaderSize(input, 1<<20))
	encoder := json.NewEncoder(output)
	for {
		var request Request
		if err := decoder.Decode(&request); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("the input is no request: %w", err)
		}
		if err := encoder.Encode(cluster.answer(ctx, &request)); err != nil {
			return err
		}
	}
}

func (cluster *cluster) answer(ctx context.Context, request *Request) (answer Answer) {
	var err error
	switch {
	case request.Definitions != nil:
		answer.Kinds, err = cluster.define(ctx, request.Definitions)
	case request.Send != nil:
		answer.Warnings, err = cluster.send(ctx, request.Send)
	case request.Kubeconfig != nil:
		answer.Path, err = cluster.kubeconfig(request.Kubeconfig)
	default:
		err = fmt.Errorf("the request asks for nothing")
	}
	if err != nil {
		answer.Error = err.Error()
	}
	return answer
}
