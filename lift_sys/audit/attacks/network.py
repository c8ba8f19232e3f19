"""Attacks by the network: words to sockets that wait outside, servers, and descriptors passed on."""

from lift_sys.audit.attacks.attack import ABSTRACT, DENIED, FOLDER, HELD, TCP_PORT, UDP_PORT, table

_NOT_HEARD = "raised (PermissionError|OSError|ConnectionRefusedError|TimeoutError|FileNotFoundError)"
_NO_NAME = "raised (gaierror|PermissionError|OSError|URLError)"

_WORDS = {
    "a word by TCP": (
        _NOT_HEARD,
        f"""
        import socket
        def f():
            socket.create_connection(('127.0.0.1', {TCP_PORT}), 0.2).send(b'x')
            return 'escaped'
        """,
    ),
    "a word by UDP": (
        _NOT_HEARD,
        f"""
        import socket
        def f():
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {UDP_PORT}))
            return 'escaped'
        """,
    ),
    "a word with the first packet": (
        _NOT_HEARD,
        f"""
        import socket
        def f():
            socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', {TCP_PORT}))
            return 'escaped'
        """,
    ),
    "a word to an abstract socket": (
        _NOT_HEARD,
        f"""
        import socket
        def f():
            socket.socket(socket.AF_UNIX).connect('\\0{ABSTRACT}')
            return 'escaped'
        """,
    ),
    "a word to a socket in a folder": (
        _NOT_HEARD,
        f"""
        import socket
        def f():
            socket.socket(socket.AF_UNIX).connect('{FOLDER}/socket')
            return 'escaped'
        """,
    ),
    "a pair of sockets led elsewhere": (
        _NOT_HEARD,
        f"""
        import socket
        def f():
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            ours.sendto(b'x', '\\0{ABSTRACT}')
            return 'escaped'
        """,
    ),
    "a coroutine that connects": (
        _NOT_HEARD,
        f"""
        import asyncio
        async def f():
            await asyncio.open_connection('127.0.0.1', {TCP_PORT})
            return 'escaped'
        """,
    ),
    "a page": (
        _NO_NAME,
        f"""
        import urllib.request
        def f():
            urllib.request.urlopen('http://127.0.0.1:{TCP_PORT}/', timeout=0.2)
            return 'escaped'
        """,
    ),
    "the cloud's own server of secrets": (
        _NO_NAME,
        """
        import urllib.request
        def f():
            return urllib.request.urlopen('http://169.254.169.254/latest/meta-data/', timeout=0.2).read()
        """,
    ),
    "a name server": (_NO_NAME, "import socket\ndef f():\n    socket.getaddrinfo('example.com', 80)"),
    "a mail": (_NO_NAME, "import smtplib\ndef f():\n    smtplib.SMTP('127.0.0.1', 25, timeout=0.2)"),
}

_SOCKETS = {
    "a TCP server": (
        DENIED,
        """
        import socket
        def f():
            s = socket.socket()
            s.bind(('0.0.0.0', 0))
            s.listen()
            return 'escaped'
        """,
    ),
    "a server of asyncio": (
        f"{DENIED}|{HELD}",
        """
        import asyncio
        async def f():
            server = await asyncio.start_server(print, '127.0.0.1', 0)
            return 'escaped' if server.sockets else 'held'
        """,
    ),
    "a server of HTTP": (
        DENIED,
        "import http.server as h\ndef f():\n    h.HTTPServer(('', 0), h.BaseHTTPRequestHandler)\n    return 'escaped'",
    ),
    "a server at an abstract name": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_UNIX).bind('\\0lift-mine')\n    return 'escaped'",
    ),
    "a pair of sockets with a name": (
        DENIED,
        "import socket\ndef f():\n    socket.socketpair()[0].bind('\\0lift-mine')\n    return 'escaped'",
    ),
    "raw packets": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n    return 'escaped'",
    ),
    "raw IP": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n    return 'escaped'",
    ),
    "a ping": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)\n    return 'escaped'",
    ),
    "the kernel's routes": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n    return 'escaped'",
    ),
    "the host of a virtual machine": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_VSOCK).connect((2, 1))\n    return 'escaped'",
    ),
    "the kernel's ciphers": (
        DENIED,
        "import socket\ndef f():\n    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)\n    return 'escaped'",
    ),
    "the network's interfaces": (DENIED, "import socket\ndef f():\n    socket.if_nameindex()\n    return 'escaped'"),
    "a descriptor passed on": (
        DENIED,
        """
        import os, socket
        def f():
            ours, theirs = socket.socketpair()
            socket.send_fds(ours, [b'x'], [3])
            return 'escaped' if socket.recv_fds(theirs, 1, 1)[1] else 'held'
        """,
    ),
    "another machine's name": (
        DENIED,
        "import socket\ndef f():\n    socket.sethostname('escaped')\n    return socket.gethostname()",
    ),
}

ATTACKS = (*table("network", _WORDS), *table("network", _SOCKETS))
