package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// startTimeout is generous: a busy machine of two cores needs a quarter of it.
const startTimeout = 2 * time.Minute

// token of the only user, a member of system:masters; the folder is readable for its owner only.
const token = "metachron"

// cluster is the two servers and our clients of them.
type cluster struct {
	folder string
	config *rest.Config
	*clients
	stop func()
}

// startCluster starts etcd, then the API server, and waits until it is ready.
func startCluster(ctx context.Context, folder string) (*cluster, error) {
	if err := sendLogsTo(filepath.Join(folder, "log")); err != nil {
		return nil, err
	}
	store, err := startStore(folder)
	if err != nil {
		return nil, err
	}
	serving, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	config, err := startAPIServer(serving, folder, store, ended)
	stop := func() {
		cancel()
		// A request that hangs must not keep a store that nobody needs any more.
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
		store.Close()
	}
	if err != nil {
		ended <- err
		stop()
		return nil, err
	}
	cluster := &cluster{folder: folder, config: config, stop: stop}
	if err := waitUntilReady(config, ended); err != nil {
		stop()
		return nil, err
	}
	cluster.clients, err = newClients(config)
	if err != nil {
		stop()
		return nil, err
	}
	return cluster, nil
}

// sendLogsTo keeps both servers' logs off our own streams.
func sendLogsTo(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	// Without it errors go to standard error as well, and what is asked wrong on purpose is an error to the server.
	if err := flags.Set("stderrthreshold", "FATAL"); err != nil {
		return err
	}
	klog.LogToStderr(false)
	klog.SetOutput(file)
	return nil
}

// endOfLog gives the last lines of the servers' log, for people who ask why they did not start.
func endOfLog(folder string) string {
	text, err := os.ReadFile(filepath.Join(folder, "log"))
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-4000):])
}

func startStore(folder string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = filepath.Join(folder, "etcd")
	config.LogOutputs = []string{filepath.Join(folder, "etcd.log")}
	config.LogLevel = "error"
	// Nothing is kept: the store is gone with the folder.
	config.UnsafeNoFsync = true
	clients, peers := loopbackURL(), loopbackURL()
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
	config.ListenPeerUrls, config.AdvertisePeerUrls = peers, peers
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	store, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd does not start: %w", err)
	}
	select {
	case <-store.Server.ReadyNotify():
		return store, nil
	case <-time.After(startTimeout):
		store.Close()
		return nil, fmt.Errorf("etcd was not ready in %s", startTimeout)
	}
}

// loopbackURL is an address of this machine with a port that the system chooses.
func loopbackURL() []url.URL {
	return []url.URL{{Scheme: "http", Host: freeAddress()}}
}

// freeAddress is a port that was free a moment ago.
func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer listener.Close()
	return listener.Addr().String()
}

func startAPIServer(ctx context.Context, folder string, store *embed.Etcd, ended chan<- error) (*rest.Config, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	completed, err := completeOptions(ctx, folder, store.Config().ListenClientUrls[0].String(), listener)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("kube-apiserver refuses its options: %w", err)
	}
	go func() { ended <- app.Run(ctx, *completed) }()
	return &rest.Config{
		Host:        "https://" + listener.Addr().String(),
		BearerToken: token,
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: filepath.Join(folder, "certificates", "apiserver.crt"),
		},
		// The judge is its only client.
		QPS: -1,
	}, nil
}

func completeOptions(ctx context.Context, folder, store string, listener net.Listener) (*options.CompletedOptions, error) {
	users, key := filepath.Join(folder, "users.csv"), filepath.Join(folder, "service-account.key")
	if err := os.WriteFile(users, []byte(token+",metachron,1,system:masters\n"), 0o600); err != nil {
		return nil, err
	}
	if err := writeKey(key); err != nil {
		return nil, err
	}
	given := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range given.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse([]string{
		"--etcd-servers=" + store,
		"--cert-dir=" + filepath.Join(folder, "certificates"),
		"--bind-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		// As every cluster whose network is a DaemonSet.
		"--allow-privileged=true",
		"--token-auth-file=" + users,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		// Nobody runs the controller that makes the default service account of each namespace.
		"--disable-admission-plugins=ServiceAccount",
	}); err != nil {
		return nil, err
	}
	given.SecureServing.Listener = listener
	given.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	if err := given.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	completed, err := given.Complete(ctx)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, utilerrors.NewAggregate(errs)
	}
	return &completed, nil
}

// writeKey makes the key that service account tokens would be signed with.
func writeKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

// waitUntilReady asks for the API server's own readiness.
func waitUntilReady(config *rest.Config, ended <-chan error) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		response, err := client.Get(config.Host + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-ended:
			return fmt.Errorf("kube-apiserver ended: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("kube-apiserver was not ready in %s", startTimeout)
}
