// Uploads one file by tus-js-client: ENDPOINT LOGIN FILE PATH CHUNK URLS [STOP]
//
// CHUNK is how many bytes one request has at most. URLS is a file in which the URLs of uploads are
// kept until they are whole. Behind STOP bytes the process ends at once, as if it was killed.
import { createReadStream, statSync } from "node:fs";
import process from "node:process";
import { DefaultHttpStack, FileUrlStorage, Upload } from "tus-js-client";

const [endpoint, login, file, path, chunk, urls, stop] = process.argv.slice(2);

const upload = new Upload(createReadStream(file), {
  endpoint,
  headers: { Authorization: `Basic ${Buffer.from(login).toString("base64")}` },
  httpStack: new DefaultHttpStack({}),
  metadata: { path },
  uploadSize: statSync(file).size,
  chunkSize: Number(chunk),
  retryDelays: null,
  urlStorage: new FileUrlStorage(urls),
  removeFingerprintOnSuccess: true,
  onChunkComplete(size, accepted) {
    console.log(`accepted ${accepted}`);
    if (stop && accepted >= Number(stop)) process.exit(3);
  },
  onError(error) {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess() {
    console.log("done");
  },
});

const previous = await upload.findPreviousUploads();
console.log(`found ${previous.length}`);
if (previous.length) upload.resumeFromPreviousUpload(previous[0]);
upload.start();
