// The node-config judge: Cilium's own build-config step for one node. It reads the ConfigMap cilium-config and the
// CiliumNodeConfigs of a namespace from an API server, and prints what an agent on that node would run with, as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"

	"github.com/cilium/cilium/pkg/hive"
	"github.com/cilium/cilium/pkg/k8s/client"
	"github.com/cilium/cilium/pkg/option/resolver"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "node-config KUBECONFIG NAMESPACE NODE…")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints one JSON object: node to its configuration.
func run(kubeconfig, namespace string, nodes []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	var clients client.Clientset
	built := hive.New(client.Cell, cell.Invoke(func(found client.Clientset) { clients = found }))
	flags := pflag.NewFlagSet("node-config", pflag.ContinueOnError)
	built.RegisterFlags(flags)
	if err := flags.Set("k8s-kubeconfig-path", kubeconfig); err != nil {
		return err
	}
	if err := built.Start(quiet, ctx); err != nil {
		return err
	}
	defer built.Stop(quiet, ctx)
	// The order in which the chart's init container reads them: the last one wins for each key.
	sources := []resolver.ConfigSource{
		{Kind: resolver.KindConfigMap, Namespace: namespace, Name: "cilium-config"},
		{Kind: resolver.KindNodeConfig, Namespace: namespace},
	}
	configs := map[string]map[string]string{}
	for _, node := range nodes {
		config, err := resolver.ResolveConfigurations(ctx, quiet, clients, node, sources, nil, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", node, err)
		}
		configs[node] = config
	}
	return json.NewEncoder(os.Stdout).Encode(configs)
}
