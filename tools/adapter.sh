#!/bin/sh
# Makes sure that this machine has a graphics adapter which the engine can use; silent when it has one.
#
# On Linux that is a Vulkan loader and a Vulkan driver whose hardware is present and accessible, or a software driver. Where there
# is none, Mesa's software Vulkan driver (lavapipe) is installed through apt-get, as root or with passwordless sudo; otherwise the
# command to run is printed. Exit code: 0 an adapter is there, 3 none (the command's own code for "no usable adapter").
set -eu

packages='libvulkan1 mesa-vulkan-drivers libegl1 libgles2'

say() { printf '%s\n' "adapter: $*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# Whether the dynamic linker finds the library $1 (a soname, or an absolute path).
library_exists() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *)
            ldconfig=$(command -v ldconfig || echo /sbin/ldconfig)
            if [ -x "$ldconfig" ] && "$ldconfig" -p 2>/dev/null | grep -q "[[:space:]]$1 "; then return 0; fi
            for folder in /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/local/lib /lib /lib64; do
                if [ -e "$folder/$1" ]; then return 0; fi
            done
            return 1
            ;;
    esac
}

# Whether a render node that we may open belongs to a device of PCI vendor $1 ("any": of any vendor).
render_node() {
    for node in /dev/dri/renderD*; do
        if [ ! -r "$node" ] || [ ! -w "$node" ]; then continue; fi
        if [ "$1" = any ]; then return 0; fi
        vendor=$(cat "/sys/class/drm/${node##*/}/device/vendor" 2>/dev/null || echo unknown)
        if [ "$vendor" = "$1" ]; then return 0; fi
    done
    return 1
}

# Whether the hardware for the driver library $1 is there. Software drivers need none.
hardware_present() {
    case ${1##*/} in
        *libvulkan_lvp* | *vk_swiftshader*) return 0 ;;
        *nvidia*) [ -r /dev/nvidiactl ] || [ -r /dev/nvidia0 ] ;;
        *libvulkan_dzn*) [ -r /dev/dxg ] ;;
        *libvulkan_radeon* | *amdvlk*) render_node 0x1002 ;;
        *libvulkan_intel*) render_node 0x8086 ;;
        *libvulkan_nouveau*) render_node 0x10de ;;
        # NVIDIA's library when it is registered under its GLX or EGL name.
        libGLX_* | libEGL_*) [ -r /dev/nvidiactl ] ;;
        *) render_node any ;;
    esac
}

# The driver manifests that the loader reads, one a line.
manifests() {
    named=${VK_DRIVER_FILES-${VK_ICD_FILENAMES-}}
    if [ -n "$named" ]; then
        printf '%s\n' "$named" | tr ':' '\n'
        return 0
    fi
    for folder in /etc/vulkan/icd.d /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d /usr/local/etc/vulkan/icd.d \
        "${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/vulkan/icd.d"; do
        for manifest in "$folder"/*.json; do
            if [ -r "$manifest" ]; then printf '%s\n' "$manifest"; fi
        done
    done
}

# The driver library that the manifest $1 names; a relative path counts from the manifest's folder.
driver_of() {
    library=$(sed -n 's/.*"library_path"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$1" 2>/dev/null | head -n 1)
    case $library in
        /* | '') ;;
        */*) library=$(dirname "$1")/$library ;;
    esac
    printf '%s\n' "$library"
}

adapter_present() {
    library_exists libvulkan.so.1 || return 1
    found=$(manifests | while IFS= read -r manifest; do
        library=$(driver_of "$manifest")
        if [ -n "$library" ] && library_exists "$library" && hardware_present "$library"; then
            echo yes
            break
        fi
    done)
    [ -n "$found" ]
}

# Installs the packages with the privileges that $1 gives (empty, or sudo). Refreshes the package lists only when the first try
# fails; shows apt-get's output only when the second fails too.
install() {
    get="$1 env DEBIAN_FRONTEND=noninteractive apt-get -qq"
    log=$(mktemp)
    # shellcheck disable=SC2086  # the command and the package list are meant to be split
    if $get install -y --no-install-recommends $packages >"$log" 2>&1 ||
        { $get update >"$log" 2>&1 && $get install -y --no-install-recommends $packages >"$log" 2>&1; }; then
        rm -f "$log"
        return 0
    fi
    cat "$log" >&2
    rm -f "$log"
    return 1
}

refuse() {
    say "no usable graphics adapter, and $1."
    say "Run this, then try again:"
    printf '%s\n' "$2"
    exit 3
}

if [ "$(uname -s)" != Linux ]; then
    exit 0 # Metal and Direct3D 12 come with their systems.
fi
if adapter_present; then
    exit 0
fi

if have apt-get; then
    by_hand="sudo apt-get update && sudo apt-get install -y --no-install-recommends $packages"
    if [ "$(id -u)" -eq 0 ]; then
        by_hand="apt-get update && apt-get install -y --no-install-recommends $packages"
        as=
    elif have sudo && sudo -n true 2>/dev/null; then
        as='sudo -n'
    else
        refuse 'installing one needs root' "$by_hand"
    fi
    say "no usable graphics adapter: installing Mesa's software Vulkan driver ($packages)"
    install "$as" || refuse 'apt-get could not install one' "$by_hand"
elif have dnf; then
    refuse 'this script installs through apt-get only' 'sudo dnf install -y vulkan-loader mesa-vulkan-drivers'
elif have pacman; then
    refuse 'this script installs through apt-get only' 'sudo pacman -S --needed vulkan-icd-loader vulkan-swrast'
elif have apk; then
    refuse 'this script installs through apt-get only' 'apk add vulkan-loader mesa-vulkan-swrast'
else
    say "no usable graphics adapter: install a Vulkan driver, or Mesa's software driver (lavapipe), then try again."
    exit 3
fi

if ! adapter_present; then
    say "the packages ($packages) are installed, but no Vulkan driver works with them; is VK_DRIVER_FILES or VK_ICD_FILENAMES set?"
    exit 3
fi
say 'installed'
