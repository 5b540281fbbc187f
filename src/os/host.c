// SPDX-License-Identifier: ISC
#include "os/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/magic.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <unistd.h>

static int address_of(const char *address, uint16_t port, struct sockaddr_storage *out,
                      socklen_t *len)
{
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof *v6;
        return 0;
    }
    return -EINVAL;
}

int os_port_probe(const char *address, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t len;
    int on = 1, fd, r = address_of(address, port, &at, &len);

    if (r < 0)
        return r;
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 1) < 0)
        r = -errno;
    close(fd);
    return r;
}

static void name_kind(const struct statfs *fs, struct os_directory *out)
{
    static const struct {
        unsigned long magic;
        const char *kind;
        bool is_remote, is_memory;
    } kinds[] = {
        {EXT4_SUPER_MAGIC, "ext4", false, false},
        {XFS_SUPER_MAGIC, "xfs", false, false},
        {BTRFS_SUPER_MAGIC, "btrfs", false, false},
        {OVERLAYFS_SUPER_MAGIC, "overlay", false, false},
        {0x2fc12fc1, "zfs", false, false},
        {F2FS_SUPER_MAGIC, "f2fs", false, false},
        {NFS_SUPER_MAGIC, "nfs", true, false},
        {SMB2_SUPER_MAGIC, "smb", true, false},
        {CIFS_SUPER_MAGIC, "cifs", true, false},
        {FUSE_SUPER_MAGIC, "fuse", true, false},
        {V9FS_MAGIC, "9p", true, false},
        {TMPFS_MAGIC, "tmpfs", false, true},
        {RAMFS_MAGIC, "ramfs", false, true},
    };

    out->kind = "other";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((unsigned long)fs->f_type != kinds[i].magic)
            continue;
        out->kind = kinds[i].kind;
        out->is_remote = kinds[i].is_remote;
        out->is_memory = kinds[i].is_memory;
    }
}

int os_directory_look(const char *path, struct os_directory *out)
{
    struct stat st;
    struct statfs fs;

    *out = (struct os_directory){0};
    if (stat(path, &st) < 0 || statfs(path, &fs) < 0)
        return -errno;
    out->owner = st.st_uid;
    out->mode = st.st_mode & 07777;
    out->is_directory = S_ISDIR(st.st_mode);
    out->free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    name_kind(&fs, out);
    return 0;
}

bool os_file_is_readable_by(const char *path, uid_t uid, gid_t gid)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false;
    if (uid == 0 || (st.st_mode & S_IROTH))
        return true;
    if (st.st_uid == uid)
        return st.st_mode & S_IRUSR;
    return st.st_gid == gid && (st.st_mode & S_IRGRP);
}

bool os_clock_is_kept(void)
{
    struct timex t = {0};

    return adjtimex(&t) >= 0 && !(t.status & STA_UNSYNC);
}

void os_addresses_each(void (*each)(void *arg, const char *ip), void *arg)
{
    struct ifaddrs *all, *a;
    char ip[INET6_ADDRSTRLEN];

    if (getifaddrs(&all) < 0)
        return;
    for (a = all; a; a = a->ifa_next) {
        const void *sockaddr = a->ifa_addr;
        const struct sockaddr_in6 *v6 = sockaddr;
        const struct sockaddr_in *v4 = sockaddr;

        if (!a->ifa_addr || !(a->ifa_flags & IFF_UP))
            continue;
        if (a->ifa_addr->sa_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip))
            each(arg, ip);
        if (a->ifa_addr->sa_family == AF_INET6 && v6->sin6_scope_id == 0 &&
            inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip))
            each(arg, ip);
    }
    freeifaddrs(all);
}
