// Command peer compares the connections that two folders of Kubernetes manifests allow, as np-guard's netpol-analyzer
// does, and prints what it found and what it cost as one line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/np-guard/netpol-analyzer/pkg/netpol/diff"
)

type figure struct {
	Seconds       float64 `json:"seconds"`
	UserSeconds   float64 `json:"userSeconds"`
	PeakMegabytes float64 `json:"peakMegabytes"`
	Result        string  `json:"result"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: peer BEFORE AFTER")
		os.Exit(2)
	}
	start := time.Now()
	found, err := diff.NewDiffAnalyzer().ConnDiffFromDirPaths(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	result := "equal"
	if !found.IsEmpty() {
		result = fmt.Sprintf("%d changed, %d added, %d removed connections",
			len(found.ChangedConnections()), len(found.AddedConnections()), len(found.RemovedConnections()))
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	line, err := json.Marshal(figure{
		Seconds:       time.Since(start).Seconds(),
		UserSeconds:   float64(usage.Utime.Sec) + float64(usage.Utime.Usec)/1e6,
		PeakMegabytes: float64(usage.Maxrss) / 1024,
		Result:        result,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(line))
}
