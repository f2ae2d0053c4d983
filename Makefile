# What a newcomer needs is 'make demo' and 'make test'; both install what they lack (as root).
.DELETE_ON_ERROR:
.PHONY: build demo test bench format clean need-build need-run need-test need-bench

CONFIGURATION ?= Release
RID := linux-x64
PUBLISH := dotnet publish -c $(CONFIGURATION) -r $(RID) --nologo -v quiet -o
# The compiler server makes a build of many projects several times faster; it ends by itself.
export UseSharedCompilation = true
export DOTNET_CLI_TELEMETRY_OPTOUT = 1
export DOTNET_NOLOGO = 1

## bin/podnet-cni, bin/pause and bin/podnet: native code, which needs no .NET runtime
build: need-build
	@echo "building bin/podnet-cni (1 of 3)"
	@$(PUBLISH) bin src/Podnet.Cni
	@echo "building bin/pause (2 of 3)"
	@$(PUBLISH) bin src/Podnet.Pause
	@echo "building bin/podnet (3 of 3; native code of all of it: one to three minutes)"
	@$(PUBLISH) bin src/Podnet.Cli
	@rm -f bin/*.pdb bin/*.dbg bin/*.xml

## two nodes, two nginx pods, one Service; leaves the cluster running
demo: need-run build
	@tools/demo

## every test, in namespaces of its own
test: need-run need-test build
	@tools/test

## the figures of bench/RESULTS.md
bench: need-run need-test need-bench build
	@$(PUBLISH) dist/bench bench/services -p:PublishReadyToRun=true --self-contained false
	@bench/run

format:
	dotnet format Podnet.slnx --no-restore

clean:
	rm -rf bin dist src/*/bin src/*/obj tests/*/bin tests/*/obj

need-build:
	@tools/need gcc:gcc /usr/include/stdlib.h:libc6-dev /usr/include/zlib.h:zlib1g-dev

need-run:
	@tools/need runc:runc iptables-restore:iptables nginx:nginx-light curl:curl

need-test:
	@tools/need-old-kubectl
	@tools/need ip:iproute2 nft:nftables kubectl:kubernetes-client ping:iputils-ping dig:bind9-dnsutils conntrack:conntrack unshare:util-linux setpriv:util-linux ps:procps strace:strace ethtool:ethtool \
		podman:podman skopeo:skopeo docker-registry:docker-registry containerd:containerd getcap:libcap2-bin /usr/share/doc/busybox-static:busybox-static /usr/lib/cni/loopback:containernetworking-plugins

need-bench:
	@tools/need dnsperf:dnsperf unbound:unbound iperf3:iperf3 /usr/lib/cni/ptp:containernetworking-plugins
