const VERTEX = `
attribute vec2 corner;
varying vec2 place;
void main() {
  place = vec2(1.0 + corner.x, 1.0 - corner.y) * 0.5; // from the top left
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

// The halves touch: half a texel away from the middle, or they would run into each other.
// What a codec leaves of black and white is cut off at both ends of the matte.
const FRAGMENT = `
precision mediump float;
varying vec2 place;
uniform sampler2D picture;
uniform float matted;
uniform float texel;
const vec3 LUMA = vec3(0.299, 0.587, 0.114);
void main() {
  float upper = min(place.y * 0.5, 0.5 - texel);
  float lower = max(place.y * 0.5 + 0.5, 0.5 + texel);
  vec3 colour = texture2D(picture, vec2(place.x, mix(place.y, upper, matted))).rgb;
  float grey = dot(texture2D(picture, vec2(place.x, lower)).rgb, LUMA);
  float matte = mix(1.0, clamp((grey - 0.03) / 0.94, 0.0, 1.0), matted);
  gl_FragColor = vec4(colour * matte, matte);
}`;

/** Lays the portrait over the page with WebGL: one texture, two triangles. */
export class WebglPainter {
  #gl;
  #packed;
  #texel;

  /**
   * @param {WebGLRenderingContext} gl a new one, or one that was restored
   * @throws {Error} the shaders do not compile here
   */
  constructor(gl) {
    this.#gl = gl;
    const program = linked(gl);
    gl.useProgram(program);
    this.#packed = gl.getUniformLocation(program, "matted");
    this.#texel = gl.getUniformLocation(program, "texel");
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
      gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    }
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {boolean} packed whether its matte is below the portrait
   */
  paint(video, packed) {
    const gl = this.#gl;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, video);
    gl.uniform1f(this.#packed, packed ? 1 : 0);
    gl.uniform1f(this.#texel, 0.5 / video.videoHeight);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}

/** @param {WebGLRenderingContext} gl */
function linked(gl) {
  const program = gl.createProgram();
  if (!program) throw new Error("the context is lost");
  /** @type {[number, string][]} */
  const shaders = [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]];
  for (const [kind, source] of shaders) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error("the context is lost");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program) ?? "the shaders do not link");
  }
  return program;
}
